/** Set by the build: the base address of the API; empty: the page's origin. */
declare const OPSROOM_API: string;
/** Set by the build: an identifier of the build. */
declare const OPSROOM_BUILD: string;

/** Set by the build: the address of the service worker, relative to the page; empty: there is none. */
declare const OPSROOM_WORKER: string;

declare module "*.svg" {
  const url: string;
  export default url;
}
declare module "*.css";
