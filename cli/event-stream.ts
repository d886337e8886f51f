/** One server-sent event. `id` is the last one given, in this event or before it. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** The most that one event may have: a service that sends more is not one of ours. */
const EVENT_MAX_CHARS = 1_048_576;

/** Reads server-sent events (WHATWG HTML §9.2) from text as it comes, in pieces of any length. */
export class EventParser {
  #rest = '';
  #id: string | undefined;
  #type = '';
  #data: string[] = [];

  /** The id to come back with. It also moves on between events. */
  get lastId(): string | undefined {
    return this.#id;
  }

  /** The events that `text` completes. Throws RangeError on an event without end. */
  push(text: string): readonly ServerEvent[] {
    this.#rest += text;
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop() ?? '';
    const events = lines.flatMap((line) => this.#take(line.replace(/\r$/, '')));
    const held = this.#rest.length + this.#data.reduce((sum, line) => sum + line.length, 0);
    if (held > EVENT_MAX_CHARS) throw new RangeError('an event without end');
    return events;
  }

  #take(line: string): readonly ServerEvent[] {
    if (line === '') return this.#finish();
    const [name = '', ...value] = line.split(':');
    const text = value.join(':').replace(/^ /, '');
    if (name === 'id') this.#id = text;
    else if (name === 'event') this.#type = text;
    else if (name === 'data') this.#data.push(text);
    return [];
  }

  #finish(): readonly ServerEvent[] {
    const event = { id: this.#id, type: this.#type, data: this.#data.join('\n') };
    const isWhole = this.#data.length > 0;
    this.#type = '';
    this.#data = [];
    return isWhole ? [event] : [];
  }
}
