/**
 * The fields of a `stat` file in `/proc` that follow the name, which may hold spaces. The first one is
 * field 3 of proc(5), the state.
 */
export function fieldsOfStat(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
