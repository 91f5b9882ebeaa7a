/** How a run went in time, for whoever draws it. Times are ISO 8601. */
export interface RunTrace {
  readonly job: string;
  readonly service: string;
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly run?: string;
  readonly snapshot?: string;
  readonly error?: { readonly code: string; readonly message: string };
  readonly steps: readonly StepTime[];
  readonly units: readonly UnitTime[];
}

/** A step of the run. One that failed has its error's code. */
export interface StepTime {
  readonly name: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly errorCode?: string;
}

export interface UnitTime {
  readonly id: string;
  readonly status: string;
  readonly startedAt: string;
  readonly endedAt: string;
  readonly attempts: number;
  readonly artifacts: number;
  readonly sourceBytes: number;
  readonly bytes: number;
  readonly error?: { readonly code: string; readonly message: string };
}
