/** What an address may end with: `#room&token=…`. A room's own `&` is encoded. */
const TOKEN = /&token=([\w.~-]+)$/;
const STORED = "symphony.text-editor.token.";

/**
 * The token that this page's address brings, behind the room. Browsers do not send what is after the
 * `#`, so it is in no log. It is taken out of the address, which people copy, and kept for this tab.
 */
export function takeToken(): string | undefined {
  const [ending = "", token] = TOKEN.exec(location.hash) ?? [];
  const hash = location.hash.slice(0, location.hash.length - ending.length);
  try {
    if (token !== undefined) sessionStorage.setItem(STORED + hash, token);
    else return sessionStorage.getItem(STORED + hash) ?? undefined;
  } catch {
    // Storage may be forbidden. The token then lasts as long as the page.
  }
  history.replaceState(null, "", hash);
  return token;
}

/** An address of the same room, with the token for whoever opens it. */
export function addressWith(token: string | undefined): string {
  return token === undefined ? location.href : `${location.href}&token=${token}`;
}

/**
 * Whether a token lets its owner write. What it says is only believed to show the right page: the
 * server checks it.
 */
export function mayWrite(token: string | undefined): boolean {
  const payload = token?.split(".")[1]?.replaceAll("-", "+").replaceAll("_", "/");
  if (payload === undefined) return true;
  try {
    const { access = "read-write" } = JSON.parse(atob(payload));
    return access === "read-write";
  } catch {
    // Tokens may have any form; then the server says what they are good for.
    return true;
  }
}
