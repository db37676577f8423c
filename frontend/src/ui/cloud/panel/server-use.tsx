import { useSignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { FollowListener, ServersApi } from "../../../api/backend";
import type { StatsChunk, StatsSample } from "../../../contract/generated";
import { useApp } from "../../app-context";
import { serversDictionary } from "../servers/servers-dictionary";
import { levelOf, type Measure, SPAN_MS, Sparkline } from "../servers/sparkline";
import { useFollow } from "./use-follow";

const SAMPLES_MAX = 2_000;

/** The samples of the last 15 minutes, in order of time and each once. */
export function merged(
  before: readonly StatsSample[],
  added: readonly StatsSample[],
): readonly StatsSample[] {
  const last = before.at(-1)?.at ?? "";
  const all = [...before, ...added.filter(({ at }) => at > last)];
  const end = Date.parse(all.at(-1)?.at ?? "");
  return all.filter(({ at }) => end - Date.parse(at) <= SPAN_MS).slice(-SAMPLES_MAX);
}

/** CPU or memory: what is used now, of how much, and the last 15 minutes. */
function Chart({
  samples,
  measure,
}: {
  readonly samples: readonly StatsSample[];
  readonly measure: Measure;
}) {
  const words = serversDictionary.value;
  const t = words.panel;
  const last = samples.at(-1);
  if (!last) return null;
  const format = (sample: StatsSample): string => {
    if (measure === "cpu") return t.percent(100 * levelOf(sample, "cpu"));
    const used = words.bytes(sample.memory);
    return sample.memoryLimit ? t.of(used, words.bytes(sample.memoryLimit)) : used;
  };
  const most = samples.reduce((a, b) => (levelOf(b, measure) > levelOf(a, measure) ? b : a));
  return (
    <div class="chart">
      <p>
        <strong>{t[measure]}</strong> <span class="hint">{format(last)}</span>
      </p>
      <Sparkline
        samples={samples}
        measure={measure}
        label={t.chart(t[measure], format(last), format(most))}
      />
    </div>
  );
}

/** The use of the processor and of memory in the last 15 minutes, and from now on. */
export function ServerUse({ id }: { readonly id: string }) {
  const { store } = useApp();
  const samples = useSignal<readonly StatsSample[]>([]);
  const options = useMemo(
    () => ({
      open: (api: ServersApi, listener: FollowListener<StatsChunk>) =>
        api.openStats(id, true, listener, store.access.readToken()),
      onBegin: () => {
        samples.value = [];
      },
      onChunk: (chunk: StatsChunk) => {
        samples.value = merged(samples.peek(), chunk.samples);
      },
    }),
    [id, store, samples],
  );
  const [state] = useFollow(options);
  const t = serversDictionary.value.panel;
  return (
    <section class="panel-part use" aria-label={t.use}>
      <h3>
        {t.use} <small>{t.lastMinutes}</small>
      </h3>
      {samples.value.length > 0 ? (
        <>
          <Chart samples={samples.value} measure="cpu" />
          <Chart samples={samples.value} measure="memory" />
        </>
      ) : (
        <p class="hint">{state.kind === "connecting" ? t.connecting : t.noUse}</p>
      )}
    </section>
  );
}
