import type { StatsSample } from "../../../contract/generated";

export const SPAN_MS = 15 * 60_000;
const [WIDTH, HEIGHT] = [100, 24];
/** The least value at the top of the chart, so that noise isn't drawn as load. */
const CPU_TOP_MIN = 0.1;

export type Measure = "cpu" | "memory";

/** A sample's part of its limit; the processor's of one core, and the memory's in bytes, if there is no limit. */
export const levelOf = (sample: StatsSample, measure: Measure): number =>
  measure === "cpu" ? sample.cpu / (sample.cpuLimit || 1) : sample.memory / (sample.memoryLimit || 1);

/** The points of a line chart of the last 15 minutes, the latest at the right edge. */
export function pointsOf(samples: readonly StatsSample[], measure: Measure): string {
  const end = Date.parse(samples.at(-1)?.at ?? "");
  const values = samples.map(sample => levelOf(sample, measure));
  const top = Math.max(...values, measure === "cpu" ? CPU_TOP_MIN : 0) || 1;
  return samples
    .map(({ at }, index) => {
      const x = WIDTH * (1 - Math.min(1, (end - Date.parse(at)) / SPAN_MS));
      const y = HEIGHT - 1 - (HEIGHT - 2) * ((values[index] ?? 0) / top);
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    })
    .join(" ");
}

interface SparklineProps {
  readonly samples: readonly StatsSample[];
  readonly measure: Measure;
  readonly label: string;
}

export function Sparkline({ samples, measure, label }: SparklineProps) {
  const points = pointsOf(samples, measure);
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
    >
      <title>{label}</title>
      <polygon points={`${points} ${WIDTH},${HEIGHT} ${points.split(",", 1)[0]},${HEIGHT}`} />
      <polyline points={points} vector-effect="non-scaling-stroke" />
    </svg>
  );
}
