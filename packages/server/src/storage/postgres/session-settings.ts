import { StorageError } from "../errors.ts";

export type SessionSettings = Readonly<Record<string, string>>;

/**
 * Parses the settings in the `options` of a URL, such as `-c search_path=notes`.
 *
 * @throws StorageError if they contain anything else
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
          `DATABASE_URL has options that are not supported behind a pooler: ${JSON.stringify(rest)}; write each as -c name=value`,
        );
      }
      settings[name.replaceAll("-", "_")] = value.replaceAll(/\\(.)/g, "$1");
      rest = rest.slice(all.length);
    }
  }
  return settings;
}

/** Returns SQL that begins a transaction in which these settings apply. */
export function beginWith(settings: SessionSettings): string {
  const sets = Object.entries(settings).map(
    ([name, value]) => `SET LOCAL ${name} = '${value.replaceAll("'", "''")}'`,
  );
  return ["BEGIN", ...sets].join("; ");
}

/** Appends the settings to the options in the URL, so that they take precedence. */
export function urlWithSettings(url: URL, settings: SessionSettings): string {
  const result = new URL(url);
  const own = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const given = result.searchParams.getAll("options");
  result.searchParams.set("options", [...given, ...own].join(" "));
  return result.href;
}
