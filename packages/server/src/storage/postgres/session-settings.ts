import { StorageError } from "../errors.ts";

export type SessionSettings = Readonly<Record<string, string>>;

/**
 * The settings that the `options` of a URL ask for, such as `-c search_path=notes`.
 *
 * @throws StorageError when there is anything else in them
 */
export function settingsOfUrl(url: URL): SessionSettings {
  const settings: Record<string, string> = {};
  for (const options of url.searchParams.getAll("options")) {
    let rest = options.trim();
    while (rest !== "") {
      const found = /^(?:-c\s*|--)([A-Za-z_][\w.-]*)=((?:\\.|[^\\\s])*)(?:\s+|$)/.exec(rest);
      const [all, name, value] = found ?? [];
      if (all === undefined || name === undefined || value === undefined) {
        throw new StorageError(
          `DATABASE_URL has options that are not understood behind a pooler: ${JSON.stringify(rest)}; give each as -c name=value`,
        );
      }
      settings[name.replaceAll("-", "_")] = value.replaceAll(/\\(.)/g, "$1");
      rest = rest.slice(all.length);
    }
  }
  return settings;
}

/** Begins a transaction in which these settings hold. */
export function beginWith(settings: SessionSettings): string {
  const sets = Object.entries(settings).map(
    ([name, value]) => `SET LOCAL ${name} = '${value.replaceAll("'", "''")}'`,
  );
  return ["BEGIN", ...sets].join("; ");
}

/** They go after those that the URL has, so that they win. */
export function urlWithSettings(url: URL, settings: SessionSettings): string {
  const result = new URL(url);
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const given = result.searchParams.getAll("options");
  result.searchParams.set("options", [...given, ...own].join(" "));
  return result.href;
}
