/** The Yjs types that a root can be read as. */
export const ROOT_TYPES = ["Array", "Map", "Text", "XmlFragment", "XmlElement"] as const;

export type RootTypeName = (typeof ROOT_TYPES)[number];

/** Names of roots, and as which type each is read. */
export type RootNames = readonly (readonly [name: string, type: RootTypeName])[];
