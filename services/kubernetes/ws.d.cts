/**
 * The Kubernetes client's types name `ws`, whose own types are not installed. It is for exec, attach and port-forward, and for proxies: none of
 * them is used. CommonJS, for that is what `export =` takes.
 */
declare module 'ws' {
  class Socket {}
  namespace Socket {
    class WebSocket {}
    interface ClientOptions {
      readonly headers?: Readonly<Record<string, string>>;
    }
  }
  export = Socket;
}
