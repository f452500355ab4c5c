export { TapDevice, type TapDeviceOptions, type TapInspection, type TapSendOutcome } from './tap/tap-device.js';
export { TapDriver, type TapDriverOptions } from './tap/tap-driver.js';
export { TapError, type TapErrorCode, type TapSystem } from './tap/tap-system.js';
