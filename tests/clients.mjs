// Calls losant-rest and openid-client as they come, but for the base URL.
//
// Arguments: the folder of node_modules, the base URL, the application's id, its API token. Each line of standard
// input is {"call": "…", "arguments": …}; the answer is one line: {"result": …} or {"error": {…}}.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, url, applicationId, apiToken] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const openid = await import(pathToFileURL(require.resolve("openid-client")));
const losant = require("losant-rest").createClient({ url, accessToken: apiToken });

async function openidClient(authentication, secret) {
  const insecure = { execute: [openid.allowInsecureRequests] }; // plain HTTP, on loopback
  return openid.discovery(
    new URL(url), applicationId, secret ?? apiToken, authentication && openid[authentication](secret ?? apiToken), insecure);
}

const calls = {
  discovery: async ({ authentication }) => (await openidClient(authentication)).serverMetadata(),
  tokenIntrospection: async ({ authentication, secret, token, ...more }) =>
    openid.tokenIntrospection(await openidClient(authentication, secret), token, more),
  tokenRevocation: async ({ authentication, token, ...more }) =>
    openid.tokenRevocation(await openidClient(authentication), token, more),
};

async function answer({ call, arguments: given }) {
  if (call in calls) return calls[call](given);
  const [resource, method] = call.split(".");
  return losant[resource][method]({ applicationId, ...given });
}

for await (const line of createInterface({ input: process.stdin })) {
  const told = await answer(JSON.parse(line)).then(
    (result) => ({ result: result ?? null }),
    (error) => ({ error: { status: error.statusCode ?? error.status, type: error.type ?? error.code, message: error.message } }),
  );
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
