/** One input number of the model. */
export interface Input {
  readonly value: number;
  readonly unit: string;
  /** Where the value comes from, or why it was chosen. */
  readonly from: string;
}

export type InputGroup = Readonly<Record<string, Input>>;
