// Routes that only Signet's users reach: one that verifies a token by itself, one that asks Signet as well.
import express from "express";
import { createRemoteJWKSet, jwtVerify } from "jose";

const { SIGNET_URL, SIGNET_APPLICATION_ID, SIGNET_API_TOKEN, PORT = "8000" } = process.env;
const keys = createRemoteJWKSet(new URL(`${SIGNET_URL}/.well-known/jwks.json`), { cacheMaxAge: 300_000 });
const expected = {
  issuer: SIGNET_URL,
  audience: `${SIGNET_APPLICATION_ID}/session`,
  typ: "session+jwt",
  algorithms: ["ES256", "RS256"],
  requiredClaims: ["sub", "exp"],
};

function refuse(response) {
  response.status(401).set("www-authenticate", "Bearer").json({ detail: "a good session token is needed" });
}

/** Lets in whose token Signet signed for this application, and has not expired. */
async function offline(request, response, next) {
  const [, token] = /^Bearer (\S+)$/i.exec(request.get("authorization") ?? "") ?? [];
  if (!token) return refuse(response);
  try {
    request.claims = (await jwtVerify(token, keys, expected)).payload;
    request.token = token;
  } catch (error) {
    // Of jose's errors these two say that the keys could not be had: not the caller's fault.
    if (["ERR_JWKS_TIMEOUT", "ERR_JOSE_GENERIC"].includes(error.code) || !error.code?.startsWith("ERR_J")) {
      return next(error);
    }
    return refuse(response);
  }
  return next();
}

/** Behind `offline`: lets in whose token has not been ended either, by a log-out, another password, an operator. */
async function online(request, response, next) {
  const credentials = Buffer.from(`${SIGNET_APPLICATION_ID}:${SIGNET_API_TOKEN}`).toString("base64");
  const answer = await fetch(`${SIGNET_URL}/oauth2/introspect`, {
    method: "POST",
    headers: { authorization: `Basic ${credentials}` },
    body: new URLSearchParams({ token: request.token }),
    signal: AbortSignal.timeout(5000),
  });
  if (!answer.ok) throw new Error(`Signet answered ${answer.status}`); // nobody comes in then
  return (await answer.json()).active === true ? next() : refuse(response);
}

const app = express();
app.get("/orders", offline, (request, response) => response.json({ orders: [], user: request.claims.sub }));
app.get("/payments", offline, online, (request, response) =>
  response.json({ payments: [], user: request.claims.sub }),
);
app.listen(Number(PORT), "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}`));
