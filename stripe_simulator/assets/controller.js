/* Calls the API for the shop's page. Only the calls in ALLOWED are made. */
"use strict";

const ALLOWED = [
  ["GET", /^\/v1\/(payment|setup)_intents\/\w+$/],
  ["POST", /^\/v1\/(payment|setup)_intents\/\w+\/confirm$/],
];

listen(async ({ type, request, key, method, path, params }) => {
  if (type !== "api" || !ALLOWED.some(([verb, pattern]) => verb === method && pattern.test(path))) return;
  postToShop({ type: "answer", request, result: await callApi(key, method, path, params) });
});
postToShop({ type: "loaded" });
