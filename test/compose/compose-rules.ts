import { type ComposeFile, type ComposeService, isJob, mountsOf } from './compose-file.ts';

const PINNED = /^[a-z0-9./-]+:[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]*@sha256:[0-9a-f]{64}$/;
const OWN = /^muster\/[a-z-]+:(.+)$/;
const NOBODY = /^([1-9][0-9]*):([1-9][0-9]*)$/;
/** A member of these would let a container out of its own. */
const NEVER = ['privileged', 'cap_add', 'devices', 'pid', 'ipc', 'userns_mode', 'env_file', 'extends', 'links'];
const SECRET_NAME = /PASS|SECRET|TOKEN|CREDENTIAL|_KEY/i;
const LONG_SECRET = /-----BEGIN|\b[A-Za-z0-9+/_-]{40,}\b/;

/** What in the file is not as every container of ours has to be; empty where it is. `version` is the project's. */
export function composeFaults(file: ComposeFile, version: string): readonly string[] {
  return Object.entries(file.services).flatMap(([name, service]) =>
    [
      ...imageFaults(service, version),
      ...powerFaults(service),
      ...secretFaults(service),
      ...mountFaults(service, file),
      ...networkFaults(service),
      ...lifeFaults(service, file),
    ].map((fault) => `${name}: ${fault}`),
  );
}

function imageFaults({ image = '', build }: ComposeService, version: string): readonly string[] {
  const own = OWN.exec(image)?.[1];
  if (own === undefined) return PINNED.test(image) && build === undefined ? [] : [`image ${image} is not pinned`];
  return own === version && build !== undefined ? [] : [`image ${image} is not built as ${version}`];
}

function powerFaults(service: ComposeService): readonly string[] {
  const { user = '', read_only: readOnly, cap_drop: dropped, security_opt: options } = service;
  return [
    ...(NOBODY.test(user) ? [] : ['it runs as root, or as a name']),
    ...(readOnly ? [] : ['its root can be written']),
    ...(dropped.includes('ALL') ? [] : ['it keeps capabilities']),
    ...(options.includes('no-new-privileges:true') ? [] : ['it can gain privileges']),
    ...(options.some((option) => /unconfined/.test(option)) ? ['it is unconfined'] : []),
    ...(service.pids_limit !== undefined && service.mem_limit !== undefined ? [] : ['it has no limits']),
    ...NEVER.filter((member) => member in service).map((member) => `it has ${member}`),
  ];
}

function secretFaults(service: ComposeService): readonly string[] {
  const named = Object.keys(service.environment).filter((name) => SECRET_NAME.test(name) && !name.endsWith('_FILE'));
  const { image: _, ...rest } = service;
  return [
    ...named.map((name) => `${name} is in its environment`),
    ...(LONG_SECRET.test(JSON.stringify(rest)) ? ['something long in it looks like a secret'] : []),
  ];
}

function mountFaults(service: ComposeService, { volumes, configs }: ComposeFile): readonly string[] {
  const mounts = mountsOf(service);
  return [
    ...mounts.filter(({ source }) => !(source in volumes)).map(({ source }) => `${source} is no named volume`),
    ...service.configs.filter(({ source }) => !(source in configs)).map(({ source }) => `${source} is no config`),
    // Every key lies there.
    ...(mounts.some(({ source }) => source === 'operator') && !isJob(service) ? ['it has the operator’s volume'] : []),
    // What is given to a server it cannot change.
    ...mounts
      .filter(({ target, readOnly }) => target.startsWith('/etc/') && !readOnly)
      .map(({ target }) => `it can write ${target}`),
  ];
}

function networkFaults({ ports, networks, network_mode: mode }: ComposeService): readonly string[] {
  return [
    ...ports.filter((port) => !/^127\.0\.0\.1:\d+:\d+$/.test(port)).map((port) => `${port} is open to other hosts`),
    ...(mode === undefined || mode === 'none' ? [] : [`it is on the network ${mode}`]),
    ...(mode === undefined && networks === undefined ? ['it is on the default network'] : []),
  ];
}

function lifeFaults(service: ComposeService, { services }: ComposeFile): readonly string[] {
  const checked = service.healthcheck !== undefined && 'test' in service.healthcheck;
  const awaited = Object.entries(service.depends_on).flatMap(([name, { condition }]) => {
    const other = services[name];
    if (other === undefined) return [`it waits for ${name}, which is not there`];
    const wanted = isJob(other) ? 'service_completed_successfully' : 'service_healthy';
    return condition === wanted ? [] : [`it does not wait until ${name} is of use`];
  });
  return [
    ...(checked || isJob(service) ? [] : ['it has no health check']),
    ...(isJob(service) || service.restart === 'unless-stopped' ? [] : ['nobody starts it again']),
    ...awaited,
  ];
}
