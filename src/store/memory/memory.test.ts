import { createMemoryStore } from '../index.ts';
import { storeConformance } from '../conformance.ts';

storeConformance('memory', () => Promise.resolve(createMemoryStore()));
