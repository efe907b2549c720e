import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import { formatRoute, parseRoute, type Route } from "./route.ts";

const current: Signal<Route> = signal(parseRoute(location.hash));

addEventListener("hashchange", () => {
  current.value = parseRoute(location.hash);
});

/** The current route, from the address bar. */
export const route: ReadonlySignal<Route> = current;

/** Navigates to a route and adds it to the browser history. */
export function navigate(to: Route): void {
  location.hash = formatRoute(to);
}

/** Replaces the current route in the history, for example while the user types. */
export function replaceRoute(to: Route): void {
  history.replaceState(null, "", formatRoute(to));
  current.value = to;
}
