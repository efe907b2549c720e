import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { formatRoute, parseRoute, type Route } from "./route.ts";

const current: Signal<Route> = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  current.value = parseRoute(location.hash);
});

/** What the address bar says. */
export const route: ReadonlySignal<Route> = current;

/** Goes to a route, to which "back" returns. */
export function navigate(to: Route): void {
  location.hash = formatRoute(to);
}

/** Goes to a route that takes the place of this one, as while somebody types. */
export function replaceRoute(to: Route): void {
  history.replaceState(null, "", formatRoute(to));
  current.value = to;
}
