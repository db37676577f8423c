import { formatFullTime } from "../text/format";
import { language } from "./settings/preferences";

interface TimeProps {
  /** A timestamp, or Unix milliseconds. */
  readonly at: string | number;
  readonly format: (at: string | number) => string;
}

/** A time in short form, with the full date and the UTC offset in its title. */
export const Time = ({ at, format }: TimeProps) => {
  const date = new Date(at);
  const machineTime = Number.isNaN(date.getTime()) ? undefined : date.toISOString();
  return (
    <time dateTime={machineTime} title={formatFullTime(language.value, at)}>
      {format(at)}
    </time>
  );
};
