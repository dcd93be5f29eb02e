/* Formatting and validation of card numbers, expiry dates and security codes. */
"use strict";

const BRANDS = [
  ["amex", /^3[47]/, 15, 4],
  ["diners", /^3(0[0-5]|[689])/, 14, 3],
  ["jcb", /^35/, 16, 3],
  ["discover", /^6(011|4[4-9]|5)/, 16, 3],
  ["unionpay", /^62/, 16, 3],
  ["mastercard", /^(5[1-5]|2[2-7])/, 16, 3],
  ["visa", /^4/, 16, 3],
  ["unknown", /^/, 16, 3],
];
const MESSAGES = {
  incomplete_number: "Your card number is incomplete.",
  invalid_number: "Your card number is invalid.",
  incomplete_expiry: "Your card's expiration date is incomplete.",
  invalid_expiry_month_past: "Your card's expiration date is in the past.",
  invalid_expiry_year_past: "Your card's expiration year is in the past.",
  invalid_expiry_year: "Your card's expiration year is invalid.",
  incomplete_cvc: "Your card's security code is incomplete.",
};

function digitsOf(text) {
  return text.replace(/\D/g, "");
}

function brandOf(number) {
  const [name, , length, cvcLength] = BRANDS.find(([, pattern]) => pattern.test(number));
  return { name, length, cvcLength };
}

function passesLuhn(number) {
  const sum = [...number].reverse().reduce((total, digit, index) => {
    const value = Number(digit) * (index % 2 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

function formatNumber(text) {
  const all = digitsOf(text);
  const brand = brandOf(all);
  const digits = all.slice(0, brand.length);
  const pattern = brand.length === 16 ? /(\d{4})(\d{0,4})(\d{0,4})(\d{0,4})/ : /(\d{4})(\d{0,6})(\d{0,5})/;
  const parts = digits.match(pattern);
  return parts ? parts.slice(1).filter(Boolean).join(" ") : digits;
}

function formatExpiry(text, isDeleting) {
  const whole = text.match(/^\s*(\d{1,2})\s*\/\s*(?:20)?(\d{2})\s*$/);
  let digits = whole ? whole[1].padStart(2, "0") + whole[2] : digitsOf(text);
  if (/^[2-9]/.test(digits) || /^1\s*\/$/.test(text.trim())) digits = `0${digits}`;
  if (/^1[3-9]/.test(digits)) digits = `0${digits}`;
  digits = digits.slice(0, 4);
  if (digits.length < 2 || (isDeleting && digits.length === 2)) return digits;
  return `${digits.slice(0, 2)} / ${digits.slice(2)}`;
}

function numberProblem(digits) {
  if (digits.length < brandOf(digits).length) return "incomplete_number";
  return passesLuhn(digits) ? "" : "invalid_number";
}

function expiryProblem(digits, today) {
  const month = Number(digits.slice(0, 2));
  if (digits.length < 4 || month < 1 || month > 12) return "incomplete_expiry";
  const year = 2000 + Number(digits.slice(2));
  if (year < today.getFullYear()) return "invalid_expiry_year_past";
  if (year === today.getFullYear() && month < today.getMonth() + 1) return "invalid_expiry_month_past";
  return year > today.getFullYear() + 50 ? "invalid_expiry_year" : "";
}

function cvcProblem(digits, brand) {
  return digits.length < brand.cvcLength ? "incomplete_cvc" : "";
}
