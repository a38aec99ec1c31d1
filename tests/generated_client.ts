// Uses the types that openapi-typescript makes of openapi.yaml, through openapi-fetch; compiled and run by a test.
// The argument is what `make run` says of its demo, as JSON; what is printed is what the test looks at.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };
declare function btoa(text: string): string;

type User = components["schemas"]["UserView"];

const { url, application_id: applicationId, api_token: apiToken } = JSON.parse(process.argv[2]!) as {
  url: string;
  application_id: string;
  api_token: string;
};
const signet = createClient<paths>({ baseUrl: url });
const path = { applicationId };
const bearer = { headers: { authorization: `Bearer ${apiToken}` } };
const basic = (name: string) => ({ headers: { authorization: `Basic ${btoa(`${name}:${apiToken}`)}` } });
const password = "correct horse battery staple";

function found<T>(answer: { data?: T; error?: unknown }): T {
  if (answer.data === undefined) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

const wanted = { email: "typescript@example.com", password, firstName: "Ann" };
const users = "/applications/{applicationId}/experience/users";
const user: User = found(await signet.POST(users, { params: { path }, body: wanted, ...bearer }));
const taken = await signet.POST(users, { params: { path }, body: wanted, ...bearer });
const query = { filter: "typescript@*", filterField: "email" } as const;
const listed = found(await signet.GET(users, { params: { path, query }, ...bearer }));
const logIn = "/applications/{applicationId}/experience/login";
const loggedIn = found(await signet.POST(logIn, { params: { path }, body: { email: wanted.email, password } }));
const wrong = await signet.POST(logIn, { params: { path }, body: { email: wanted.email, password: "wrong" } });

const mint = "/api/v1/user-identity-jwt";
const minted = found(
  await signet.POST(mint, { body: { identityType: "EMAIL", identity: "test@example.com" }, ...basic("you@example.com") }),
);
const faulty = await signet.POST(mint, {
  body: { identityType: "MOBILE_PHONE_NUMBER", identity: "12" },
  ...basic("you@example.com"),
});
const introspected = found(
  await signet.POST("/oauth2/introspect", {
    body: { token: minted.token },
    bodySerializer: (body) => new URLSearchParams(body as Record<string, string>),
    ...basic(applicationId),
  }),
);

const asked = { apiKey: applicationId, authToken: apiToken, userId: "u1", userProperties: { organizationId: "org1" } };
const issued = found(await signet.POST("/v1/auth/token/get", { body: { data: asked } }));
const claimed = { apiKey: applicationId, authToken: issued.result.data.token };
const identified = found(
  await signet.POST("/v1/identify", { body: { data: { ...claimed, user: { userId: "u1", name: "Ann" } } } }),
);
const denied = await signet.POST("/v1/identify", { body: { data: { ...claimed, user: { userId: "u2" } } } });

const gladly = faulty.error as components["schemas"]["GladlyError"];
const losant = [taken, wrong].map((answer) => answer.error as components["schemas"]["LosantError"]);
const velt = denied.error as components["schemas"]["VeltError"];
console.log(
  JSON.stringify({
    user: user.email,
    taken: [taken.response.status, losant[0]!.type],
    listed: listed.items.map((item) => item.id === user.id),
    loggedIn: loggedIn.user.id === user.id,
    wrong: [wrong.response.status, losant[1]!.type],
    minted: introspected.active,
    faulty: gladly.errors.map((error) => [error.attr, error.code]),
    identified: [identified.result.data.verified, identified.result.data.verifiedFields],
    denied: [denied.response.status, velt.error.status],
  }),
);
