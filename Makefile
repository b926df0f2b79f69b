# The commands a newcomer needs: `make demo` and `make test`. Both install what is missing first.

BUILD ?= build

.PHONY: demo test build deps clean format

deps:
	packaging/install-deps.sh

build: deps
	cmake --preset release -B $(BUILD)
	cmake --build $(BUILD)

demo: build
	$(BUILD)/bin/serin demo

test: build
	test/run.sh $(BUILD)

format:
	git ls-files '*.h' '*.cc' | xargs clang-format -i

clean:
	rm -rf $(BUILD)
