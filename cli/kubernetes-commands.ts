import { Command } from 'commander';

import { collect } from './option-values.ts';

/** What the commands about the cluster do; on the server's own machine, and loaded when they are called. */
export interface KubernetesWork {
  readonly authorizer: (options: object) => Promise<void>;
  readonly config: (options: object) => Promise<void>;
  readonly doctor: (options: object) => Promise<void>;
  readonly identity: (options: object) => Promise<void>;
}

/** `muster authorizer`. */
export function authorizerCommand(work: KubernetesWork): Command {
  return new Command('authorizer')
    .description('run the authorization webhook beside an API server until it is stopped (SIGTERM, SIGINT)')
    .requiredOption('--config <file>', 'the configuration')
    .option('--check-config', 'read and check everything the authorizer reads at its start, then exit')
    .addHelpText(
      'after',
      `
It needs no database, and answers from its own disk while the service is away. docs/operations/authorizer.md
says how to set one up.

Examples:
  $ muster authorizer --config /etc/muster/authorizer.yaml`,
    )
    .action((options: Readonly<Record<string, unknown>>) => work.authorizer(options));
}

/** `muster kubernetes`. */
export function kubernetesCommand(work: KubernetesWork): Command {
  return new Command('kubernetes')
    .description('the cluster’s side')
    .addCommand(configCommand(work))
    .addCommand(doctorCommand(work))
    .addCommand(identityCommand(work));
}

function configCommand(work: KubernetesWork): Command {
  return new Command('config')
    .description(
      'print the cluster’s side: what the API server needs to ask the authorizer, and the node controller’s rights',
    )
    .requiredOption('--version <version>', 'the API server’s version, 1.30 or newer')
    .option('--url <url>', 'where the authorizer listens', 'https://127.0.0.1:7445/v1/authorize')
    .option('--directory <dir>', 'where the files will be on the control-plane host', '/etc/kubernetes/muster')
    .option('--node-deletion', 'the node controller may delete Nodes (kubernetes.controller.deleteNode)')
    .option('--node-creation', 'the node controller may create Nodes (kubernetes.controller.createNodes)')
    .option('--no-pod-deletion', 'the node controller may not delete pods (kubernetes.controller.deletePods: never)')
    .option(
      '--bar-fingerprint <sha256>',
      'break-glass: bar this certificate without an authorizer (may be repeated)',
      collect,
    )
    .option('--bar-node <name>', 'break-glass: bar this node without an authorizer (may be repeated)', collect)
    .addHelpText(
      'after',
      `
Examples:
  $ muster kubernetes config --version 1.34
  $ muster kubernetes config --version 1.34 --bar-node worker-7`,
    )
    .action((options: Readonly<Record<string, unknown>>) => work.config(options));
}

function doctorCommand(work: KubernetesWork): Command {
  return new Command('doctor')
    .description('look for ways into the cluster as a node that pass Muster by; ends with 1 when one is open')
    .requiredOption(
      '--kubeconfig <file>',
      'of somebody who may read RBAC, signing requests, secrets of kube-system and nodes',
    )
    .option('--authorization-config <file>', 'the API server’s --authorization-config, to be looked at too')
    .option('--apiserver-manifest <file>', 'the API server’s static pod manifest, or its command line in a file')
    .option('--kubelet-config <file>', 'a KubeletConfiguration to be looked at too (may be repeated)', collect)
    .option('--unmanaged <node>', 'a node that Muster does not manage (may be repeated)', collect)
    .option('-o, --output <format>', 'table or json', 'table')
    .addHelpText(
      'after',
      `
It only reads. What it may not read, or was not given, it says: that is not the same as nothing found.

Examples:
  $ muster kubernetes doctor --kubeconfig /etc/kubernetes/admin.conf \\
      --authorization-config /etc/kubernetes/muster/authorization.yaml \\
      --apiserver-manifest /etc/kubernetes/manifests/kube-apiserver.yaml`,
    )
    .action((options: Readonly<Record<string, unknown>>) => work.doctor(options));
}

function identityCommand(work: KubernetesWork): Command {
  return new Command('identity')
    .description('make the authorizers’ next identity; on the machine that has the management CA’s key')
    .requiredOption('--management-ca <file>', 'PEM: the management CA’s certificate')
    .requiredOption('--management-key <file>', 'its sealed key')
    .requiredOption('--passphrase-file <file>', 'what the key is sealed with')
    .requiredOption('--out <file>', 'where to put it; it must not exist')
    .addHelpText(
      'after',
      `
Examples:
  $ muster kubernetes identity --management-ca pki/management-ca.pem --management-key offline/management-ca.key \\
      --passphrase-file passphrase --out identity.new`,
    )
    .action((options: Readonly<Record<string, unknown>>) => work.identity(options));
}
