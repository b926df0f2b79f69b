// wire proves Serin's wire formats against client-go itself.
//
//	wire transcode SERIN-WIRE-TOOL ROUNDS   every kind through the transcoder, both ways, random but repeatable objects
package main

import (
	"fmt"
	"log"
	"os"
	"strconv"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 || os.Args[1] != "transcode" {
		log.Fatal("usage: wire transcode SERIN-WIRE-TOOL ROUNDS")
	}
	rounds, err := strconv.Atoi(os.Args[3])
	check(err)
	kinds, objects, failures := transcode(os.Args[2], rounds)
	for _, failure := range failures {
		fmt.Println(failure)
	}
	fmt.Printf("%d kinds, %d objects, %d kinds differ\n", kinds, objects, len(failures))
	if len(failures) > 0 || kinds == 0 {
		os.Exit(1)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
