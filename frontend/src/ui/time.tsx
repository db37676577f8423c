import { formatFullTime } from "../text/format";
import { language } from "./settings/preferences";

interface TimeProps {
  /** A timestamp, or Unix milliseconds. */
  readonly at: string | number;
  readonly format: (at: string | number) => string;
}

/** A time in short form, with the full date and the UTC offset in its title. */
export const Time = ({ at, format }: TimeProps) => (
  <time dateTime={new Date(at).toISOString()} title={formatFullTime(language.value, at)}>
    {format(at)}
  </time>
);
