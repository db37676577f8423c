/** Set by the build: the API's address, or empty for where the page comes from. */
declare const OPSROOM_API: string;
/** Set by the build: what tells this build from others. */
declare const OPSROOM_BUILD: string;

declare module "*.svg" {
  const url: string;
  export default url;
}
declare module "*.css";
