/**
 * The fields of a `/proc` `stat` file after the name, which may contain spaces. The first one is field 3
 * in proc(5), the state.
 */
export function fieldsOfStat(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
