declare module "asl-validator" {
  /** The package has no types of its own. */
  export default function aslValidator(definition: unknown): {
    readonly isValid: boolean;
    readonly errorsText: (separator?: string) => string;
  };
}
