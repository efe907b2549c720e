/** The Yjs types that a root can be read as. */
export const ROOT_TYPES = ["Array", "Map", "Text", "XmlFragment", "XmlElement"] as const;

export type RootTypeName = (typeof ROOT_TYPES)[number];

/** Names of roots, and the type to read each as. */
export type RootNames = readonly (readonly [name: string, type: RootTypeName])[];
