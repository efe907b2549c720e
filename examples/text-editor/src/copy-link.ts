const CONFIRMED_MS = 2_000;

/** Makes `button` copy this page's address, and say whether that worked. */
export function copyLinkButton(button: HTMLButtonElement): void {
  const label = button.textContent;
  let restore: ReturnType<typeof setTimeout> | undefined;
  button.addEventListener("click", async () => {
    const copied = await copyText(location.href);
    button.textContent = copied ? "Link copied" : "Copy the address above";
    clearTimeout(restore);
    restore = setTimeout(() => {
      button.textContent = label;
    }, CONFIRMED_MS);
  });
}

async function copyText(text: string): Promise<boolean> {
  // Absent on a page from another host without TLS, as in a first try on a local network.
  if (navigator.clipboard === undefined) return copyBySelection(text);
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The browser, or a frame around this page, does not allow it.
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
