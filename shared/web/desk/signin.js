// Sign-in by OpenID Connect: an authorization code with PKCE. The token stays in memory and goes with the page; what has to
// outlive the way to the issuer and back is a secret of that one way, which is forgotten when it is over.
const PLACE = "fanfold-sign-in";
const encoder = new TextEncoder();

/** Return {headers, until}, from the code that the issuer sent back in the address; null where nobody signs in now. */
export async function signedIn({ issuer, client }) {
  const answer = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(PLACE);
  if (!answer.has("state")) return null;
  sessionStorage.removeItem(PLACE);
  const { state, nonce, verifier, hash } = JSON.parse(kept ?? "{}");
  history.replaceState(null, "", `${location.pathname}${hash ?? ""}`);
  if (answer.get("state") !== state) throw new Error("The answer of the sign-in is not to a question of this page. Sign in again.");
  if (answer.has("error")) throw new Error(`The issuer refused: ${answer.get("error_description") ?? answer.get("error")}.`);
  if (answer.has("iss") && answer.get("iss") !== issuer) throw new Error("Another issuer answered than was asked. Sign in again.");
  const { token_endpoint: place } = await metadata(issuer);
  const form = { grant_type: "authorization_code", code: answer.get("code"), redirect_uri: here(), client_id: client, code_verifier: verifier };
  const response = await fetch(place, { method: "POST", body: new URLSearchParams(form) });
  const tokens = await response.json();
  if (!response.ok) throw new Error(`The issuer gave no token: ${tokens.error_description ?? tokens.error}.`);
  if (claims(tokens.id_token)?.nonce !== nonce) throw new Error("The token is not for this sign-in. Sign in again.");
  // What the API checks is a JWT of its audience: the access token where it is one, else the identity.
  const token = claims(tokens.access_token) ? tokens.access_token : tokens.id_token;
  return { headers: { authorization: `Bearer ${token}` }, until: claims(token).exp * 1000 };
}

/** Leave for the issuer. */
export async function signIn({ issuer, client, scope }) {
  const [state, nonce, verifier] = [random(), random(), random()];
  const challenge = text64(new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(verifier))));
  const { authorization_endpoint: place } = await metadata(issuer);
  sessionStorage.setItem(PLACE, JSON.stringify({ state, nonce, verifier, hash: location.hash }));
  const asked = { response_type: "code", client_id: client, redirect_uri: here(), scope, state, nonce, code_challenge: challenge, code_challenge_method: "S256" };
  const url = new URL(place);
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
  location.assign(url);
}

async function metadata(issuer) {
  const document = await (await fetch(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`)).json();
  if (document.issuer !== issuer) throw new Error(`${issuer} says that it is ${document.issuer}. Check FANFOLD_JWT_ISSUER.`);
  return document;
}

/** The claims of a token, null for one that is no JWT. The API verifies it; here they are only read. */
function claims(token) {
  try {
    return JSON.parse(atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return null;
  }
}

const here = () => location.origin + location.pathname;
const random = () => text64(crypto.getRandomValues(new Uint8Array(32)));
const text64 = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
