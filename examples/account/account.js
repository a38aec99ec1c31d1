// What a user does alone, with Signet as the only backend (docs/accounts.md, docs/mails.md).

const SESSION = "signet-session"; // of all tabs: {token, refreshAt}
const LINK = /^#(verifyEmail|resetPassword|logIn|changeEmail)=(.+)$/;
const LONGEST_WAIT = 2 ** 31 - 1; // setTimeout's, in milliseconds
const settings = await (await fetch("settings.json")).json();
const users = `${settings.url}/applications/${settings.applicationId}/experience`;
const $ = (id) => document.getElementById(id);
const views = Object.fromEntries([...document.querySelectorAll("[data-view]")].map((it) => [it.dataset.view, it]));

let code; // of the link that the page was opened by
let user; // who is logged in
let timer;

/** What Signet, or nobody, said no to. */
class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks Signet, and gives its answer. */
async function ask(method, path, body) {
  const headers = body ? { "content-type": "application/json" } : {};
  const session = find();
  if (session) headers.authorization = `Bearer ${session.token}`;
  const response = await fetch(users + path, { method, headers, body: body && JSON.stringify(body) }).catch(() => {
    throw new Refused(0, `Signet at ${settings.url} is not up, or does not let pages of ${location.origin} call it.`);
  });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, answer.message ?? `Signet answered ${response.status}.`);
  return answer;
}

const find = () => JSON.parse(localStorage.getItem(SESSION));

/** Keeps a token, and says when to ask for the next one: after three quarters of its life, by this machine's clock. */
function keep(token) {
  const { iat, exp, session_exp: end } = JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  const lastsAsLong = exp === undefined || exp >= (end ?? 0); // as its session, so that no other one lives longer
  const refreshAt = lastsAsLong ? null : Date.now() + 750 * (exp - iat);
  localStorage.setItem(SESSION, JSON.stringify({ token, refreshAt }));
  stayLoggedIn();
}

function forget() {
  localStorage.removeItem(SESSION);
  clearTimeout(timer);
  user = undefined;
}

/** Asks for another token when it is time, in every tab; Signet lets two ask at once. */
async function stayLoggedIn() {
  clearTimeout(timer);
  const session = find();
  if (!session?.refreshAt) return;
  const wait = session.refreshAt - Date.now();
  if (wait > 0) {
    timer = setTimeout(stayLoggedIn, Math.min(wait, LONGEST_WAIT));
    return;
  }
  try {
    const { token } = await ask("POST", "/refresh");
    if (find()?.token === session.token) keep(token); // not where somebody has logged out meanwhile
  } catch (refused) {
    if (refused.status === 401) {
      forget();
      show("log-in", "You have been logged out. Log in again to go on.");
    } else if (refused.status === 0 || refused.status === 429 || refused.status >= 500) {
      timer = setTimeout(stayLoggedIn, 10_000);
    }
  }
}

/** Says what was done, or refused, and nothing else; a refusal stands where it was asked for. */
function say(told = "", refused = "", form = undefined) {
  $("told").textContent = told;
  if (form) form.querySelector("button").before($("refused"));
  else $("told").after($("refused"));
  $("refused").textContent = refused;
}

/** Who is logged in, if anybody is. */
async function findUser() {
  if (!find()) return undefined;
  try {
    return (await ask("GET", "/me")).user;
  } catch (refused) {
    if (refused.status !== 401 && refused.status !== 403) throw refused;
    forget(); // the token has ended
    return undefined;
  }
}

function fillIn() {
  $("name").textContent = user.firstName || user.email || user.id;
  $("address").textContent = user.email ?? "";
  $("verified").textContent = user.emailVerified ? "✓ verified" : "not verified yet";
  $("verified").classList.toggle("good", user.emailVerified);
  $("unverified").hidden = user.emailVerified !== false;
  const { elements } = views.profile.querySelector("[data-does=changeNames]");
  elements.firstName.value = user.firstName ?? "";
  elements.lastName.value = user.lastName ?? "";
}

/** Shows a view, and the profile instead of those that somebody who is logged in has no use for. */
async function show(wanted, told = "") {
  let refused = "";
  try {
    user = await findUser();
  } catch (error) {
    refused = error.message;
  }
  const isThere = wanted in REDEEMED ? code !== undefined : wanted in views && wanted !== "profile";
  const name = user && (!isThere || ["log-in", "sign-up"].includes(wanted)) ? "profile" : isThere ? wanted : "log-in";
  if (user) fillIn();
  for (const [key, view] of Object.entries(views)) view.hidden = key !== name;
  document.title = `${views[name].querySelector("h1").textContent} · Account`;
  for (const form of document.querySelectorAll("form:not([data-does=changeNames])")) form.reset();
  say(told, refused);
  if (document.body.dataset.view) views[name].querySelector("h1").focus(); // not when the page is opened
  document.body.dataset.view = name;
}

/** Shows what the address asks for; a code does not stay in it, nor in the history. */
function follow() {
  const link = LINK.exec(location.hash);
  if (link) {
    code = link[2];
    history.replaceState(null, "", location.pathname);
  }
  return show(link ? link[1] : location.hash.slice(1));
}

/** Leaves out what was not filled in. */
const filled = (fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== ""));
const mail = (email) => `If ${email} is the right address, a mail with a link is on its way to it.`;
const REDEEMED = {
  verifyEmail: "Your address is verified.",
  resetPassword: "You have a new password. Log in with it.",
  logIn: "You are logged in.",
  changeEmail: "Your account has the new address. Log in with it.",
};

/** What forms do, with their fields; each gives what to show, and what to say. */
const does = {
  async logIn(fields) {
    keep((await ask("POST", "/login", fields)).token);
    return ["profile"];
  },
  async signUp(fields) {
    await ask("POST", "/sign-up", filled(fields));
    return ["log-in", `A mail with a link is on its way to ${fields.email}. Open it to verify the address.`];
  },
  async forgotten(fields) {
    await ask("POST", "/password-reset", fields);
    return ["log-in", mail(fields.email)];
  },
  async byLink(fields) {
    await ask("POST", "/log-in-link", fields);
    return ["log-in", mail(fields.email)];
  },
  async verifyAgain(fields) {
    await ask("POST", "/verification", fields);
    return ["log-in", mail(fields.email)];
  },
  async redeem(fields) {
    const purpose = document.body.dataset.view;
    const { token } = await ask("POST", "/codes/redeem", filled({ code, ...fields }));
    code = undefined;
    if (token) keep(token);
    return ["profile", REDEEMED[purpose]];
  },
  async askToVerify() {
    await ask("POST", "/verification", { email: user.email });
    return ["profile", mail(user.email)];
  },
  async changeNames({ firstName, lastName }) {
    await ask("PATCH", "/me", { firstName: firstName || null, lastName: lastName || null });
    return ["profile", "Your names are saved."];
  },
  async changeEmail(fields) {
    await ask("PATCH", "/me", fields);
    return ["profile", mail(fields.email)];
  },
  async changePassword(fields) {
    keep((await ask("PATCH", "/me", fields)).token);
    return ["profile", "You have a new password, and are logged out everywhere else."];
  },
  async logOut() {
    await ask("POST", "/logout"); // where Signet cannot be reached, the token would live on: so it is kept, too
    forget();
    return ["log-in", "You are logged out."];
  },
  async logOutEverywhere() {
    await ask("POST", "/logout", { everywhere: true });
    forget();
    return ["log-in", "You are logged out everywhere."];
  },
  async deleteAccount(fields) {
    await ask("DELETE", "/me", fields);
    forget();
    return ["log-in", "Your account is deleted."];
  },
};

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.ariaBusy === "true") return; // pressed twice
  form.ariaBusy = "true";
  say();
  try {
    const [view, told] = await does[form.dataset.does](Object.fromEntries(new FormData(form)));
    if (location.hash) history.replaceState(null, "", location.pathname);
    await show(view, told);
  } catch (refused) {
    say("", refused.message, form);
    (form.querySelector("[type=password]") ?? form.querySelector("input, button")).focus();
  } finally {
    form.ariaBusy = "false";
  }
});
addEventListener("hashchange", follow);
addEventListener("storage", ({ key, oldValue, newValue }) => {
  if (key !== SESSION) return; // another tab has logged in or out, or has a new token
  if (oldValue && newValue) stayLoggedIn();
  else show(document.body.dataset.view);
});
document.addEventListener("visibilitychange", () => document.hidden || stayLoggedIn()); // timers sleep as machines do
await stayLoggedIn();
await follow();
