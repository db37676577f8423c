import { isolatedParts } from "../i18n/isolate";

/** A sentence of the dictionary in which names and reasons have their own direction. */
export const Sentence = ({ text }: { readonly text: string }) => (
  <>{isolatedParts(text).map((part, index) => (index % 2 === 1 ? <bdi key={index}>{part}</bdi> : part))}</>
);
