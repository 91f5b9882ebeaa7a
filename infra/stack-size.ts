/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const RESOURCES = 500;

/** @throws Error for a template that CloudFormation would refuse, after everything was uploaded */
export function checkStackSize({ Resources }: { readonly Resources: Readonly<Record<string, unknown>> }): void {
  const count = Object.keys(Resources).length;
  if (count <= RESOURCES) return;
  throw new Error(
    `the stack would have ${count} resources, and CloudFormation allows ${RESOURCES}: deploy some of the jobs apart, with another --stage and --param=config=FILE, or give jobs that may read the same source the same secret`,
  );
}
