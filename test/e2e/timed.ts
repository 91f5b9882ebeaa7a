/** How a command ended, and how long it took to its exit. */
export async function timed<T>(command: () => Promise<T>): Promise<{ readonly ended: T; readonly tookMs: number }> {
  const began = performance.now();
  const ended = await command();
  return { ended, tookMs: performance.now() - began };
}
