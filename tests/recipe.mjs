// Runs a recipe of docs/verify.md on the tokens of standard input, a JSON list, and prints what it makes of each: the
// claims' `sub`, or null where it refuses.
import { pathToFileURL } from "node:url";

const recipe = await import(pathToFileURL(process.argv[2]));
const server = recipe.app?.listen(0, "127.0.0.1");

async function ask(token) {
  const headers = { authorization: `Bearer ${token}` };
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers });
  if (!response.ok) throw new Error(`${response.status} ${response.headers.get("www-authenticate")}`);
  return response.json();
}

let text = "";
for await (const piece of process.stdin) text += piece;
const verdicts = [];
for (const token of JSON.parse(text)) {
  verdicts.push(
    await (server ? ask(token) : recipe.verify(token)).then(
      (claims) => claims.sub,
      (error) => (console.error(error), null),
    ),
  );
}
server?.close();
console.log(JSON.stringify(verdicts));
