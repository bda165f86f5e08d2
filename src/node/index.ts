/**
 * node: the node agent (a kubelet) and the runtimes below it. It reads pods through `#client`, plans each one
 * with a pure function and acts through the Runtime interface. It knows nothing of the API server, the
 * scheduler or the controllers; `sim/` and `cri/` know nothing of the API.
 */
export { startNodeAgent, type NodeAgent, type NodeAgentOptions } from './agent.ts';
export { createCgroupManager, type CgroupManager, type CgroupOptions } from './cgroups.ts';
export { hostDirectories, noDirectories, type Directories } from './local-path/directories.ts';
export { startLocalPath, type LocalPath, type LocalPathOptions } from './local-path/provisioner.ts';
export type { NodeConfig } from './node-status.ts';
export { createFleet, type BootOptions, type Fleet, type FleetOptions } from './sim/fleet.ts';
export { startAdoptedNodes } from './sim/adopted.ts';
export { evictPods } from './sim/drain.ts';
export { startNodeGroups } from './sim/groups.ts';
export { startStages, type Stages } from './sim/stages/player.ts';
export { NodeRanges } from './sim/ranges.ts';
export { type MachineState } from './sim/machine.ts';
export { createSimRuntime, type SimOptions, type SimulatedRuntime } from './sim/runtime.ts';
export { simulatedUsage, type Usage } from './sim/usage.ts';
export { RuntimeError, type Runtime } from './runtime.ts';
export { removePodVolumes } from './volumes/manager.ts';
export * from './cri/index.ts';
