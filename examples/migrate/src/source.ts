/** Where documents come from. It is only read, never changed. */
export interface Source {
  /** The names of all documents, as the source names them; each once. */
  names(): AsyncIterable<string>;

  /**
   * What is stored of one document: Yjs updates (format V1) that make it together.
   *
   * @throws Error that says what is wrong with this document; others may be all right
   */
  read(name: string): Promise<readonly Uint8Array[]>;

  /**
   * The room in which clients of Symphony expect the document.
   *
   * @throws Error when there is none
   */
  roomOf(name: string): string;

  close(): Promise<void>;
}
