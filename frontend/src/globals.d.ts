/** Set by the build: the base address of the API; empty: the page's origin. */
declare const OPSROOM_API: string;
/** Set by the build: an identifier of the build. */
declare const OPSROOM_BUILD: string;

declare module "*.svg" {
  const url: string;
  export default url;
}
declare module "*.css";
