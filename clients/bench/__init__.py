"""Measures a server's timing the way a person on the line has it: over the real WebSocket, at real time, at the client.

material    recordings, with what is true of them (where speech ends, where a pause was put in)
acts        what a caller does: ask, pause inside a sentence, interrupt, murmur, cough into silence
outcomes    what came of an act, read from the line's two tracks
report      statistics over outcomes (pure)
calls       acts put into calls, by which client
processes   CPU time and memory of the server's processes
swarm       hundreds of cheap callers in one process
soak        what they cost a server, and whether anything grows
run         a whole measurement: ours and the common way, in turn
"""
