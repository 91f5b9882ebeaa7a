/** The anchor of a run, by the number of its job on the page: names may hold anything. */
export const runId = (job: number, snapshot: string): string => `run-${job}-${snapshot}`;
