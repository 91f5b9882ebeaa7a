import type { Container } from "./engine/shapes.ts";

export const HIDDEN = "***";
const SECRET_NAME = /pass|pwd|secret|token|cred|key/i;

/** What makes the container again. How it is doing at the moment is left out, and so are the values of its variables unless asked for. */
export function containerDefinition(container: Container, includeEnv: boolean) {
  const { Id, Name, Created, State, Image, Config, HostConfig, Mounts, NetworkSettings } = container;
  const Env = includeEnv ? Config.Env : Config.Env.map(withoutValue);
  return {
    Id,
    Name: Name.replace(/^\//, ""),
    Created,
    Running: State.Running,
    Image,
    Config: { ...Config, Env },
    HostConfig: includeEnv ? HostConfig : hostConfigWithoutPasswords(HostConfig),
    Mounts,
    Networks: NetworkSettings.Networks,
  };
}

/** What `docker run --mount volume-opt=…` and `--log-opt` say may be passwords and tokens. */
function hostConfigWithoutPasswords({ Mounts, LogConfig, ...rest }: Container["HostConfig"]): Container["HostConfig"] {
  const mounts = Mounts?.map(({ VolumeOptions, ...mount }) => ({ ...mount, ...volumeOptions(VolumeOptions) }));
  return {
    ...rest,
    ...(mounts !== undefined && { Mounts: mounts }),
    ...(LogConfig && { LogConfig: { ...LogConfig, Config: withoutPasswords(LogConfig.Config) } }),
  };
}

type VolumeOptions = NonNullable<Container["HostConfig"]["Mounts"]>[number]["VolumeOptions"];

function volumeOptions(options: VolumeOptions): { readonly VolumeOptions?: VolumeOptions } {
  if (!options?.DriverConfig) return options ? { VolumeOptions: options } : {};
  const { DriverConfig } = options;
  const driver = { ...DriverConfig, Options: withoutPasswords(DriverConfig.Options) };
  return { VolumeOptions: { ...options, DriverConfig: driver } };
}

const withoutValue = (variable: string): string => {
  const end = variable.indexOf("=");
  return end === -1 ? variable : `${variable.slice(0, end)}=${HIDDEN}`;
};

/** Options of a volume's driver: of a CIFS share `o` is `username=u,password=p`. */
export function withoutPasswords(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(options).map(([name, value]) => [
      name,
      SECRET_NAME.test(name)
        ? HIDDEN
        : value
            .split(",")
            .map((part) => (SECRET_NAME.test(part.split("=")[0] ?? "") ? withoutValue(part) : part))
            .join(","),
    ]),
  );
}
