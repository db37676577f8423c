/** Two short, quiet tones. They are made here, so that there is no file to load. */
const TONES = [
  { hertz: 880, at: 0 },
  { hertz: 1175, at: 0.09 },
] as const;
const SECONDS = 0.12;
const VOLUME = 0.08;

/** Play the sound of a new message. Browsers allow it once the user has done something on the page. */
export async function playSound(): Promise<void> {
  try {
    const context = new AudioContext();
    if (context.state === "suspended") await context.resume();
    const now = context.currentTime;
    for (const { hertz, at } of TONES) {
      const [tone, volume] = [context.createOscillator(), context.createGain()];
      tone.frequency.value = hertz;
      volume.gain.setValueAtTime(VOLUME, now + at);
      volume.gain.exponentialRampToValueAtTime(0.001, now + at + SECONDS);
      tone.connect(volume).connect(context.destination);
      tone.start(now + at);
      tone.stop(now + at + SECONDS);
    }
    setTimeout(() => void context.close(), 1_000);
  } catch {
    // Nothing is lost: the title counts the message.
  }
}
