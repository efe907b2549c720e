import type { VNode } from "preact";
import { access } from "../api/access.ts";
import { signOut } from "../api/session.ts";
import icon from "../icon.svg";
import { route } from "../routing/location.ts";
import type { Route } from "../routing/route.ts";
import { ActionButton } from "./action-button.tsx";

interface Entry {
  readonly label: string;
  readonly href: string;
  readonly views: readonly Route["view"][];
}

const ENTRIES: readonly Entry[] = [
  { label: "Overview", href: "#/", views: ["overview"] },
  { label: "Live", href: "#/live", views: ["live", "live-room"] },
  { label: "Rooms", href: "#/rooms", views: ["rooms", "room"] },
  { label: "Servers", href: "#/servers", views: ["servers"] },
];

/** The header: navigation and sign-out. */
export function Header(): VNode {
  const entrance = access.value;
  return (
    <header class="top">
      {/* Not a link: #main would be taken for a route. */}
      <button type="button" class="skip" onClick={focusMain}>
        Skip to content
      </button>
      <a class="brand" href="#/">
        <img src={icon} alt="" width="28" height="28" />
        Symphony
      </a>
      {entrance.state === "open" && (
        <nav aria-label="Dashboard">
          <ul class="nav">
            {ENTRIES.map(({ label, href, views }) => (
              <li key={href}>
                <a href={href} aria-current={views.includes(route.value.view) ? "page" : undefined}>
                  {label}
                </a>
              </li>
            ))}
          </ul>
        </nav>
      )}
      {entrance.state === "open" && entrance.canSignOut && (
        <ActionButton class="quiet sign-out" act={signOut}>
          Sign out
        </ActionButton>
      )}
    </header>
  );
}

function focusMain(): void {
  document.getElementById("main")?.focus();
}
