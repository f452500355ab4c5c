export { DeadlineHeap } from '@nexus-net/sansio';
