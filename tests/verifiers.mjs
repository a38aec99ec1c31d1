// Verifies tokens with jose and aws-jwt-verify, each with its default caches, at the times that it is told.
//
// Arguments: the folder of node_modules, the JWKS's address, the issuer. Each line of standard input is
// {"now": milliseconds, "tokens": [{"text": "…", "audience": "…"}]}; the answer is one line that holds, by
// verifier, what became of each token: "ok", or the library's own code.
import { createRequire } from "node:module";
import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [folder, jwksUri, issuer] = process.argv.slice(2);
const HYDRATED_MS = 300_000; // the max-age of the JWKS

let now = 0;
globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
  static now() {
    return now;
  }
};
globalThis.crypto ??= webcrypto; // Node 18

const require = createRequire(`${folder}/`);
const jose = await import(pathToFileURL(require.resolve("jose")));
const { JwtVerifier } = require("aws-jwt-verify");
const { SimpleJwksCache, SimplePenaltyBox } = require("aws-jwt-verify/jwk");

// The library's own waits in real time.
class SteppedPenaltyBox extends SimplePenaltyBox {
  failedAt = -Infinity;
  async wait(uri) {
    if (now - this.failedAt >= this.waitSeconds * 1000) this.release(uri);
    return super.wait(uri);
  }
  registerFailedAttempt(uri) {
    this.failedAt = now;
    super.registerFailedAttempt(uri);
  }
}

// The library's own takes nothing but https.
const fetcher = {
  async fetch(uri) {
    const response = await fetch(uri);
    if (!response.ok) throw new Error(`${uri}: ${response.status}`);
    return response.arrayBuffer();
  },
};

function makeAwsVerifier() {
  const jwksCache = new SimpleJwksCache({ fetcher, penaltyBox: new SteppedPenaltyBox() });
  return JwtVerifier.create({ issuer, jwksUri, audience: null }, { jwksCache });
}

const jwks = jose.createRemoteJWKSet(new URL(jwksUri));
const aws = makeAwsVerifier();
const hydrated = makeAwsVerifier();
let hydratedAt = -Infinity;

const verifiers = {
  jose: ({ text, audience }) => jose.jwtVerify(text, jwks, { issuer, audience }),
  "aws-jwt-verify": ({ text, audience }) => aws.verify(text, { audience }),
  "aws-jwt-verify, hydrated": async ({ text, audience }) => {
    if (now - hydratedAt >= HYDRATED_MS) {
      await hydrated.hydrate();
      hydratedAt = now;
    }
    return hydrated.verify(text, { audience });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  now = asked.now;
  const answer = {};
  for (const [name, verify] of Object.entries(verifiers)) {
    answer[name] = [];
    for (const token of asked.tokens) {
      answer[name].push(await verify(token).then(() => "ok", (error) => error.code ?? error.constructor.name));
    }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
