// The codec of insomniacslk/dhcp, measured as ../README.md says.
package main

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

type request struct {
	Prepare string            `json:"prepare"`
	Params  map[string]string `json:"params"`
	Run     int               `json:"run"`
	Count   int               `json:"count"`
}

// What does the work count times.
type work func(count int)

// Anything that a case makes ends here, so that no compiler can leave the work out.
var sink int

func main() {
	var prepared []work
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			out.Encode(map[string]string{"error": err.Error()})
		} else if asked.Prepare != "" {
			made, err := prepare(asked)
			if err != nil {
				out.Encode(map[string]string{"error": err.Error()})
				continue
			}
			prepared = append(prepared, made)
			out.Encode(map[string]int{"id": len(prepared) - 1})
		} else if asked.Run < 0 || asked.Run >= len(prepared) {
			out.Encode(map[string]string{"error": fmt.Sprintf("no case with the id %d", asked.Run)})
		} else {
			cpu, start := processorTime(), time.Now()
			prepared[asked.Run](asked.Count)
			wall := time.Since(start)
			out.Encode(map[string]int64{"cpu": processorTime() - cpu, "wall": wall.Nanoseconds()})
		}
	}
}

func prepare(asked request) (work, error) {
	octets, err := hex.DecodeString(asked.Params["hex"])
	if err != nil {
		return nil, err
	}
	message, err := dhcpv4.FromBytes(octets)
	if err != nil {
		return nil, err
	}
	switch asked.Prepare {
	case "decode":
		return func(count int) {
			for i := 0; i < count; i++ {
				message, err := dhcpv4.FromBytes(octets)
				if err != nil {
					panic(err)
				}
				sink += len(message.Options)
			}
		}, nil
	case "encode":
		return func(count int) {
			for i := 0; i < count; i++ {
				sink += len(message.ToBytes())
			}
		}, nil
	}
	return nil, fmt.Errorf("no case %s", asked.Prepare)
}

// Of all threads of this process, in nanoseconds.
func processorTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}
