import { randomBytes } from 'node:crypto';

import type { ComposeFile } from '../compose-file.ts';
import { shell } from './shell.ts';

/** The networks of a compose file on this machine: a namespace for each service, and one with a bridge for each network. Nothing leads out. */
export interface Networks extends Disposable {
  readonly namespaceOf: (service: string) => string;
  /** Names and addresses that `service` knows: itself and whoever shares a network with it. */
  readonly hostsOf: (service: string) => ReadonlyMap<string, string>;
}

const FIRST_ADDRESS = 10;

/** Makes them. Disposing removes them; whatever runs in them must have ended. */
export function makeNetworks({ services, networks }: Pick<ComposeFile, 'services' | 'networks'>): Networks {
  const id = randomBytes(3).toString('hex');
  const names = Object.keys(services);
  const namespaceOf = (service: string): string => `mu-${id}-${service}`;
  const bridges = namespaceOf('bridges');
  const prefixes = new Map(
    Object.entries(networks).map(([network, definition], index) => [network, prefixOf(definition) ?? `10.77.${index}`]),
  );
  const addressOf = (service: string, network: string): string =>
    `${prefixes.get(network)}.${FIRST_ADDRESS + names.indexOf(service)}`;
  const all = [bridges, ...names.map(namespaceOf)];
  const remove = (): void => {
    for (const name of all) shell('ip netns del "$1" 2>/dev/null || true', name);
  };
  process.once('exit', remove);
  for (const name of all) shell('ip netns add "$1"; ip -n "$1" link set lo up', name);
  [...prefixes.keys()].forEach((_, index) => {
    shell('ip -n "$1" link add "$2" type bridge; ip -n "$1" link set "$2" up', bridges, `br${index}`);
  });
  for (const [index, name] of names.entries()) {
    for (const network of services[name]?.networks ?? []) {
      const bridge = [...prefixes.keys()].indexOf(network);
      shell(
        'ip -n "$1" link add "$2" type veth peer name "$3" netns "$4"; ip -n "$4" addr add "$5/24" dev "$3"; ip -n "$4" link set "$3" up; ip -n "$1" link set "$2" master "$6" up',
        bridges,
        `v${index}-${bridge}`,
        `eth${bridge}`,
        namespaceOf(name),
        addressOf(name, network),
        `br${bridge}`,
      );
    }
  }
  return {
    namespaceOf,
    hostsOf: (service) =>
      new Map(
        names.flatMap((other): (readonly [string, string])[] => {
          const shared = services[service]?.networks?.find((network) => services[other]?.networks?.includes(network));
          return shared === undefined ? [] : [[other, addressOf(other, shared)]];
        }),
      ),
    [Symbol.dispose]: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

/** The first three bytes of a network's own subnet, which is a /24 where one is written. */
function prefixOf(definition: { readonly [member: string]: unknown }): string | undefined {
  return /(\d+\.\d+\.\d+)\.0\/24/.exec(JSON.stringify(definition))?.[1];
}
