/** A message of RFC 5424, taken apart. A nil value is undefined. */
export interface SyslogMessage {
  readonly facility: number;
  readonly severity: number;
  readonly timestamp: string | undefined;
  readonly hostname: string | undefined;
  readonly appName: string | undefined;
  readonly procId: string | undefined;
  readonly msgId: string | undefined;
  readonly structuredData: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Without a byte-order mark. */
  readonly text: string;
}

const FRAME_MAX = 2_097_152;
const TIMESTAMP =
  /^-$|^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})$/;
const HEADER =
  /^<(?<priority>0|[1-9][0-9]{0,2})>1 (?<timestamp>[^ ]+) (?<hostname>[!-~]{1,255}) (?<appName>[!-~]{1,48}) (?<procId>[!-~]{1,128}) (?<msgId>[!-~]{1,32}) /;
const SD_NAME = /^[!#-<>-\\^-~]{1,32}$/;

/** The frames that `bytes` begins with (RFC 5425 §4.3), and what is left of it: part of a frame. Throws on anything that is no frame. */
export function parseFrames(bytes: Buffer): { readonly frames: readonly Buffer[]; readonly rest: Buffer } {
  const frames: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const space = rest.indexOf(0x20);
    const digits = rest.subarray(0, space < 0 ? rest.byteLength : space).toString('latin1');
    if (digits !== '' && !/^[1-9][0-9]{0,6}$/.test(digits))
      throw new Error(`no frame begins with "${digits.slice(0, 20)}"`);
    const length = Number(digits);
    if (length > FRAME_MAX) throw new Error(`a frame of ${length} octets`);
    if (space < 0 || rest.byteLength < space + 1 + length) return { frames, rest };
    frames.push(rest.subarray(space + 1, space + 1 + length));
    rest = rest.subarray(space + 1 + length);
  }
}

/** Throws on anything that the grammar of RFC 5424 §6 does not have. */
export function parseSyslog(bytes: Buffer): SyslogMessage {
  const message = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  const groups = HEADER.exec(message)?.groups;
  if (groups === undefined) throw new Error(`no header: ${message.slice(0, 120)}`);
  const { priority = '', timestamp = '', hostname, appName, procId, msgId } = groups;
  if (Number(priority) > 191) throw new Error(`priority ${priority}`);
  if (!TIMESTAMP.test(timestamp)) throw new Error(`timestamp ${timestamp}`);
  const header = HEADER.exec(message)?.[0] ?? '';
  const { structuredData, rest } = parseStructuredData(message.slice(header.length));
  if (rest !== '' && !rest.startsWith(' ')) throw new Error('no space before the text');
  const text = rest.slice(1);
  const isMarked = text.startsWith('\uFEFF');
  if (!isMarked && /[^\u0020-\u007E]/.test(text)) throw new Error('a text that is not ASCII and not marked as UTF-8');
  return {
    facility: Math.floor(Number(priority) / 8),
    severity: Number(priority) % 8,
    timestamp: nil(timestamp),
    hostname: nil(hostname),
    appName: nil(appName),
    procId: nil(procId),
    msgId: nil(msgId),
    structuredData,
    text: isMarked ? text.slice(1) : text,
  };
}

const nil = (value: string | undefined): string | undefined => (value === '-' ? undefined : value);

function parseStructuredData(text: string): {
  readonly structuredData: SyslogMessage['structuredData'];
  readonly rest: string;
} {
  if (text.startsWith('-')) return { structuredData: {}, rest: text.slice(1) };
  const structuredData: Record<string, Record<string, string>> = {};
  let rest = text;
  while (rest.startsWith('[')) {
    const id = /^\[([^ \]]+)/.exec(rest)?.[1] ?? '';
    if (!SD_NAME.test(id) || id in structuredData) throw new Error(`SD-ID ${id}`);
    rest = rest.slice(1 + id.length);
    const parameters: Record<string, string> = {};
    for (;;) {
      const found = /^ ([^= \]"]+)="((?:[^"\\\]]|\\["\\\]])*)"/.exec(rest);
      if (found === null) break;
      const [whole, name = '', value = ''] = found;
      if (!SD_NAME.test(name) || name in parameters) throw new Error(`PARAM-NAME ${name}`);
      parameters[name] = value.replaceAll(/\\(["\\\]])/g, '$1');
      rest = rest.slice(whole.length);
    }
    if (!rest.startsWith(']')) throw new Error(`structured data: ${rest.slice(0, 60)}`);
    rest = rest.slice(1);
    structuredData[id] = parameters;
  }
  if (Object.keys(structuredData).length === 0) throw new Error('no structured data');
  return { structuredData, rest };
}
