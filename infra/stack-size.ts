/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const RESOURCES = 500;
const TEMPLATE_BYTES = 1_000_000;
const REMEDY =
  "deploy some of the jobs apart, with another --stage and --param=config=FILE, or give jobs that may read the same source the same secret";

/** @throws Error for a template that CloudFormation would refuse, after everything was uploaded */
export function checkStackSize(template: { readonly Resources: Readonly<Record<string, unknown>> }): void {
  const count = Object.keys(template.Resources).length;
  if (count > RESOURCES)
    throw new Error(`the stack would have ${count} resources, and CloudFormation allows ${RESOURCES}: ${REMEDY}`);
  const bytes = Buffer.byteLength(JSON.stringify(template));
  if (bytes > TEMPLATE_BYTES)
    throw new Error(
      `the stack's template would have ${bytes} bytes, and CloudFormation takes ${TEMPLATE_BYTES}: ${REMEDY}`,
    );
}
