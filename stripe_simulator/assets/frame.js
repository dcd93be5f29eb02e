/* Code that all frames share: messages to and from the embedding page, and API calls on the frame's own origin. */
"use strict";

const shop = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}");

function postToShop(message) {
  if (shop.origin) window.parent.postMessage(message, shop.origin);
}

function listen(handler) {
  window.addEventListener("message", (event) => {
    if (event.source === window.parent && event.origin === shop.origin) handler(event.data || {});
  });
}

function encode(params, inside) {
  return Object.entries(params).flatMap(([name, value]) => {
    const key = inside ? `${inside}[${name}]` : name;
    if (value === undefined || value === null) return [];
    if (typeof value === "object") return encode(value, key);
    return [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`];
  });
}

async function callApi(key, method, path, params) {
  const form = encode(params).join("&");
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/x-www-form-urlencoded" };
  const isPost = method === "POST";
  try {
    const response = await fetch(isPost ? path : `${path}?${form}`, {
      method, headers, body: isPost ? form : undefined,
    });
    return await response.json();
  } catch {
    const message = "We are experiencing issues connecting to our payments provider. " +
      "Please check your internet connection and try again.";
    return { error: { type: "api_connection_error", message } };
  }
}
