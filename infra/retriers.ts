/** What a state of the Amazon States Language tries again. Times in seconds. */
export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds: number;
  readonly BackoffRate: number;
  readonly MaxDelaySeconds: number;
  readonly MaxAttempts: number;
  readonly JitterStrategy: "FULL" | "NONE";
}

/**
 * All calls at once that the function, or the account, may have are taken: that ends when what takes them does, after hours
 * perhaps. It is asked again once a minute, for about 16 hours; each time is 3 of the 25,000 events that an execution may have.
 */
export const WHEN_THROTTLED: Retrier = {
  ErrorEquals: ["Lambda.TooManyRequestsException"],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 120,
  MaxAttempts: 1_000,
  JitterStrategy: "FULL",
};

/**
 * A function in a network that was idle for weeks has lost its interfaces there: the call that wakes it fails, and so do those
 * within the minute or so that making new ones takes; where a subnet has no address left Lambda tries to again after five
 * minutes (https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html). 18 minutes in all, which the lease outlasts.
 */
const WHEN_NOT_READY: Retrier = {
  ErrorEquals: [
    "Lambda.ResourceNotReadyException",
    "Lambda.ResourceConflictException",
    "Lambda.ENINotReadyException",
    "Lambda.ENILimitReachedException",
    "Lambda.SubnetIPAddressLimitReachedException",
  ],
  IntervalSeconds: 20,
  BackoffRate: 1.5,
  MaxDelaySeconds: 120,
  MaxAttempts: 12,
  JitterStrategy: "NONE",
};

/** Faults of the service and of the storage (`TransientError`) for which the function is not to blame. */
const WHEN_FAULTY: Retrier = {
  ErrorEquals: [
    "Lambda.ServiceException",
    "Lambda.SdkClientException",
    "Lambda.AWSLambdaException",
    "Lambda.EC2ThrottledException",
    "Lambda.EC2UnexpectedException",
    "Lambda.EFSIOException",
    "Lambda.EFSMountTimeoutException",
    "Lambda.EFSMountConnectivityException",
    "TransientError",
  ],
  IntervalSeconds: 5,
  BackoffRate: 2,
  MaxDelaySeconds: 120,
  MaxAttempts: 4,
  JitterStrategy: "FULL",
};

/** What every state that calls a function tries again, after what the definition says of that state alone. */
export const CALL_RETRIERS: readonly Retrier[] = [WHEN_THROTTLED, WHEN_NOT_READY, WHEN_FAULTY];

/**
 * The account has no room for another task, by the processors or tasks that it may have at once, or AWS has none: that ends when
 * other tasks do. About every two and a half minutes, for some eight hours.
 */
export const WHEN_FULL: Retrier = {
  ErrorEquals: ["ECS.ThrottlingException", "ECS.LimitExceededException", "ECS.AmazonECSException", "AmazonECS.Unknown"],
  IntervalSeconds: 15,
  BackoffRate: 2,
  MaxDelaySeconds: 300,
  MaxAttempts: 200,
  JitterStrategy: "FULL",
};

/** What every state that starts a task tries again. How a task that was started then ended is no fault of the service. */
export const TASK_RETRIERS: readonly Retrier[] = [
  WHEN_FULL,
  { ...WHEN_FULL, ErrorEquals: ["ECS.SdkClientException", "ECS.ServerException"], MaxAttempts: 4 },
];
